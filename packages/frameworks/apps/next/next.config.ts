import type { NextConfig } from 'next'

const config: NextConfig = {
  // The contract's app is TypeScript in a workspace beside this one.
  transpilePackages: ['@flyback/frameworks'],
  // Its paths are to arrive as they were sent.
  skipTrailingSlashRedirect: true,
  // `pnpm typecheck` does it, with the TypeScript of the workspace.
  typescript: { ignoreBuildErrors: true },
  experimental: {
    // Turbo remembers what was built.
    turbopackFileSystemCacheForBuild: false,
    // A page made anew stays in the process that made it: tests share what was built.
    isrFlushToDisk: false,
  },
}

export default config

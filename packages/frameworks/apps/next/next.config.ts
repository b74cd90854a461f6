import type { NextConfig } from 'next'

const config: NextConfig = {
  // The contract's app is TypeScript in a workspace beside this one.
  transpilePackages: ['@flyback/frameworks'],
  // Its paths are to arrive as they were sent.
  skipTrailingSlashRedirect: true,
  // `pnpm typecheck` does it, with the TypeScript of the workspace.
  experimental: { turbopackFileSystemCacheForBuild: false },
  typescript: { ignoreBuildErrors: true },
}

export default config

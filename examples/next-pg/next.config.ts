import type { NextConfig } from 'next'

const config: NextConfig = {
  // `pnpm typecheck` does it, with the TypeScript of the workspace.
  typescript: { ignoreBuildErrors: true },
  experimental: { turbopackFileSystemCacheForBuild: false },
}

export default config

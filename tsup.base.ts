import { defineConfig } from 'tsup'

/**
 * The one tsup configuration of the workspace: ESM only, one output file per entry, shared chunks inside a package.
 * Declarations come from `tsc` (see tsconfig.build.json): TypeScript 7 has no compiler API for a bundler to use.
 */
export function library(entry: Record<string, string>): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node20.19',
    platform: 'neutral',
    dts: false,
    sourcemap: true,
    clean: true,
    splitting: true,
    external: [/^node:/],
    // Deno, Workers and neutral bundlers know `node:async_hooks` and not `async_hooks`.
    removeNodeProtocol: false,
  })
}

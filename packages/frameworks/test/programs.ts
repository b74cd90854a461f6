import { fileURLToPath } from 'node:url'

/** The file of a server in `src/servers`. */
export function serverFile(name: string): string {
  return fileURLToPath(new URL(`../src/servers/${name}.ts`, import.meta.url))
}

/** How to run it on the Node of this process. */
export function onNode(name: string): readonly [string, ...string[]] {
  return [process.execPath, serverFile(name)]
}

import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { ROOT, readFile } from '../workspace.ts'

const CODE = /^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[^\n]*$|`[^`\n]+`/gm
const LINK = /\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm
const ELSEWHERE = /^[a-z][a-z0-9+.-]*:/i
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/gm

/** Blanks out code, so that positions and line numbers stay. */
function withoutCode(text: string): string {
  return text.replaceAll(CODE, (code) => code.replaceAll(/[^\n]/g, ' '))
}

/** The anchors of a page, as the forge makes them: lower case, punctuation dropped, spaces to hyphens, `-1` for a second. */
function anchors(text: string): Set<string> {
  const fenced = text.replaceAll(/^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, '')
  const seen = new Map<string, number>()
  const found = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id))
  for (const [, heading = ''] of fenced.matchAll(HEADING)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    found.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return found
}

/** Links of Markdown pages to files and anchors of this repository that lead nowhere. Links elsewhere are not followed. */
export function checkLinks(pages: readonly string[]): string[] {
  const problems: string[] = []
  for (const page of pages) {
    const text = withoutCode(readFile(page))
    for (const { 1: inline, 2: reference, index } of text.matchAll(LINK)) {
      const target = inline ?? reference ?? ''
      if (ELSEWHERE.test(target)) continue
      const [path = '', anchor] = decodeURIComponent(target).split('#')
      const file = path === '' ? page : normalize(join(path[0] === '/' ? '' : dirname(page), path))
      const at = `${page}:${text.slice(0, index).split('\n').length}`
      if (!existsSync(join(ROOT, file))) problems.push(`${at} links to ${target}: no such file`)
      else if (
        anchor !== undefined &&
        file.endsWith('.md') &&
        !anchors(readFile(file)).has(anchor)
      ) {
        problems.push(`${at} links to ${target}: no such heading`)
      }
    }
  }
  return problems
}

import { MetadataScanner, type ModulesContainer } from '@nestjs/core'
import { FlybackPolicy } from './flyback-policy.js'

/** A segment that is what it says; the rest are parameters, wildcards and groups. */
const LITERAL = /^[^:*{}()?+[\]!\\$]+$/

/**
 * Tells the requests that may be for a decorated handler, by their path. All others are decided in front of everything.
 *
 * Which one it is, Nest tells no earlier than in a guard, and not by the path alone (a version in a header, a host). So this
 * asks for less: the fixed segments of a route in their order, whatever prefix, version or parameters stand around them. A
 * request too many only waits for its guard.
 */
export function decoratedRoutes(modules: ModulesContainer): (path: string) => boolean {
  const routes = [...modules.values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) => (typeof metatype === 'function' ? routesOf(metatype) : []))
    .map((path) => path.toLowerCase().split('/').filter(Boolean))
  return (path) => {
    const segments = path.split('/').filter(Boolean).map(decode)
    return routes.some((route) => fits(route, segments))
  }
}

function routesOf(controller: object): string[] {
  const prototype: unknown = Reflect.get(controller, 'prototype')
  if (typeof prototype !== 'object' || prototype === null) return []
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler: unknown = Reflect.get(prototype, name)
    if (typeof handler !== 'function') return []
    const isDecorated = [handler, controller].some((target) =>
      Reflect.hasMetadata(FlybackPolicy.KEY, target),
    )
    if (!isDecorated) return []
    return pathsOf(controller).flatMap((base) => pathsOf(handler).map((path) => `${base}/${path}`))
  })
}

/** What `@Controller()`, `@Get()` and the like leave; none on a method that is no handler. */
function pathsOf(target: object): string[] {
  const path: unknown = Reflect.getMetadata('path', target)
  return [path].flat().filter((value) => typeof value === 'string')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment).toLowerCase()
  } catch {
    return segment.toLowerCase()
  }
}

function fits(route: readonly string[], segments: readonly string[]): boolean {
  const last = route.at(-1)
  if (last !== undefined && LITERAL.test(last) && segments.at(-1) !== last) return false
  let from = 0
  return route
    .filter((segment) => LITERAL.test(segment))
    .every((segment) => {
      from = segments.indexOf(segment, from) + 1
      return from > 0
    })
}

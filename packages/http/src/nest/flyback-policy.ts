import { type ReflectableDecorator, Reflector } from '@nestjs/core'
import { checkPolicy, type Policy } from '../policy.js'

/**
 * Says what happens to the requests of a handler, or of all handlers of a controller, in a replica region. A handler's own
 * wins over its controller's, and both over `routes` and `policy` of the module.
 *
 * It is decided in front of all guards, pipes and interceptors; middleware and body parsers have run by then.
 *
 * @throws {@link ConfigurationError} where it is written, for a word that is no {@link Policy}
 *
 * @example
 * @Post('search')
 * @FlybackPolicy('attempt') // a POST that only reads
 * search(@Body() query: SearchDto) {}
 */
export const FlybackPolicy: ReflectableDecorator<Policy, Policy> = Reflector.createDecorator<
  Policy,
  Policy
>({
  key: 'flyback:policy',
  transform(policy) {
    checkPolicy('@FlybackPolicy()', policy)
    return policy
  },
})

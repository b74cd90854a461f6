import type { IncomingMessage } from 'node:http'
import {
  type DynamicModule,
  type ExceptionFilter,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  type NestModule,
} from '@nestjs/common'
import { ApplicationConfig, HttpAdapterHost, ModulesContainer, Reflector } from '@nestjs/core'
import { createDecideGuard } from './nest/decide-guard.js'
import { serveRequests } from './nest/served-requests.js'
import { createSettleFilter } from './nest/settle-filter.js'
import type { FlybackOptions } from './options.js'

export { FlybackPolicy } from './nest/flyback-policy.js'
export * from './shared.js'

/** `match` of a rule sees Express' request, or, on Fastify, Node's own. */
export type FlybackModuleOptions = FlybackOptions<IncomingMessage>

/** Options that come of other providers, as in any dynamic module of Nest. */
export type FlybackModuleAsyncOptions = Pick<ModuleMetadata, 'imports'> &
  Pick<FactoryProvider<FlybackModuleOptions>, 'inject' | 'useFactory'>

const OPTIONS = Symbol('flyback.options')
const FILTER = Symbol('flyback.filter')

/**
 * A module, for Nest on Express and on Fastify, that replays a request in the primary region when a write in it was refused.
 * Import it once, in the root module; it needs no other line, and runs in front of everything else. A second one with options
 * of its own is a {@link ConfigurationError} at start, as is an option that cannot be used.
 *
 * @example
 * @Module({ imports: [FlybackModule.forRoot()], controllers: [EntriesController] })
 * export class AppModule {}
 */
export class FlybackModule implements NestModule {
  // Not `#private`: an application can have Nest hand out its instances as proxies.
  private readonly config: ApplicationConfig
  private readonly filter: ExceptionFilter

  constructor(config: ApplicationConfig, filter: ExceptionFilter) {
    this.config = config
    this.filter = filter
  }

  /** @param options all optional @default {} */
  static forRoot(options: FlybackModuleOptions = {}): DynamicModule {
    return { module: FlybackModule, providers: [{ provide: OPTIONS, useValue: options }] }
  }

  /**
   * @example
   * FlybackModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => config.get('flyback') })
   */
  static forRootAsync({
    imports = [],
    inject = [],
    useFactory,
  }: FlybackModuleAsyncOptions): DynamicModule {
    const options: FactoryProvider = { provide: OPTIONS, inject, useFactory }
    return { module: FlybackModule, imports, providers: [options] }
  }

  /** Nest calls it after `main.ts` has said its global filters, and asks the last one first. */
  configure(): void {
    this.config.addGlobalFilter(this.filter)
  }
}

// As decorators, whose syntax Node does not take yet.
Inject(ApplicationConfig)(FlybackModule, undefined, 0)
Inject(FILTER)(FlybackModule, undefined, 1)
Module({
  providers: [
    { provide: OPTIONS, useValue: {} },
    {
      provide: FILTER,
      inject: [OPTIONS, HttpAdapterHost, ModulesContainer, ApplicationConfig, Reflector],
      useFactory: (
        options: FlybackModuleOptions,
        host: HttpAdapterHost,
        modules: ModulesContainer,
        config: ApplicationConfig,
        reflector: Reflector,
      ): ExceptionFilter => {
        const served = serveRequests(options, host, modules)
        // Providers of APP_GUARD are added when all are there, so this one is the first.
        config.addGlobalGuard(createDecideGuard(served, host, reflector))
        return createSettleFilter(served, host)
      },
    },
  ],
})(FlybackModule)

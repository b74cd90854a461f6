import { FlybackModule } from '@flyback/http/nest'
import { Module, type ModuleMetadata, type Type } from '@nestjs/common'
import { RouterModule } from '@nestjs/core'
import type { ContractApp } from '../app/index.ts'
import { controllerOf } from './nest-controller.ts'

/** The root module of the contract's app, with its routes at `/` and, by `RouterModule`, at `/mounted`. */
export function contractModule(contract: ContractApp, pattern: (path: string) => string): Type {
  const mounted = moduleOf({ controllers: [controllerOf(contract, pattern)] })
  // Its rules are decorators here.
  const { routes: _rules, ...options } = contract.options
  return moduleOf({
    imports: [
      FlybackModule.forRoot(options),
      mounted,
      RouterModule.register([{ path: 'mounted', module: mounted }]),
    ],
    controllers: [controllerOf(contract, pattern)],
  })
}

function moduleOf(metadata: ModuleMetadata): Type {
  class ContractModule {
    readonly metadata = metadata
  }
  Module(metadata)(ContractModule)
  return ContractModule
}

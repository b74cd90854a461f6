import { type ContractApp, createContractApp } from '@flyback/frameworks/app'

/** Made once in each of the bundles that Next makes: of the hook, of the proxy, of the routes. */
export const contract: ContractApp = createContractApp()

export type { Ask, Reply, Route } from './ask-reply.ts'
export { type ContractApp, createContractApp, errorReply } from './contract-app.ts'
export { askOf, toResponse } from './fetch.ts'

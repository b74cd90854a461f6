export {
  type AdapterUnderTest,
  type Capability,
  CONTRACT_SCHEMA,
  type Connected,
  type ConnectOptions,
  type Items,
  type Queryable,
  type Row,
  type Transaction,
  type TransactionOptions,
} from './adapter/adapter-under-test.js'
export { describeAdapter } from './adapter/describe-adapter.js'
export { describeGuestbook, type Guestbook } from './describe-guestbook.js'
export { freePort } from './free-port.js'
export { describeHandler } from './handler/describe-handler.js'
export { comparable, wayOf } from './handler/expectations.js'
export type { HandlerFeature, HandlerUnderTest } from './handler/handler-under-test.js'
export { type Host, startHost } from './handler/host.js'
export type { Answer, Sent } from './handler/send.js'
export { TOKEN_COOKIE } from './handler/token-cookie.js'
export { loseCommit } from './lose-commit.js'
export type { ProvidedLab } from './provided-lab.js'
export { type Belongs, RECORDED_SCHEMA, RECORDED_STATEMENTS } from './recorded-statements.js'
export { type App, type Regions, type RegionsOptions, serveRegions } from './regions.js'
export { relayTcp, type TcpRelay } from './relay-tcp.js'
export { failure, inRequest, openScope, requestWith } from './requests.js'
export { type Example, type RunningExample, runExample } from './run-example.js'
export { type Endpoint, type SharedLab, sharedLab, type TestDatabase } from './shared-lab.js'
export { tapWire, type WireTap } from './tap-wire.js'

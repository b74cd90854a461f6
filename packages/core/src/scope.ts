export { type RunOnPrimaryOptions, requirePrimary, runOnPrimary } from './scope/run-on-primary.js'
export { bindToCaller, currentScope, runInScope, runOutsideScope } from './scope/scope-store.js'
export { currentToken, markWrite, withConsistency, withToken } from './scope/tokens-in-scope.js'

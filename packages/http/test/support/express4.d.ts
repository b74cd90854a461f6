// Express 4 by its alias; what these tests use of it has the types of Express 5.
declare module 'express4' {
  export { default } from 'express'
}

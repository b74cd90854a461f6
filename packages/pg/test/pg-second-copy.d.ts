declare module 'pg-second-copy' {
  import pg from 'pg'
  export default pg
}

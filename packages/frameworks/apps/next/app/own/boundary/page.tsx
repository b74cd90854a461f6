export { default } from '../write/page'

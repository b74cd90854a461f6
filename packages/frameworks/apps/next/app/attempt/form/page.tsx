export { default } from '../../own/form/page'

export { read, write, writeLost } from '@flyback/frameworks/pages'

export { default, loader } from './written.tsx'

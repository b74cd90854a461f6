import { describeHandler } from '@flyback/testkit'
import { reactRouter } from './built-apps.ts'

describeHandler({ name: 'React Router', ...reactRouter() })

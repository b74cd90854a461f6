import { describeHandler } from '@flyback/testkit'
import { REACT_ROUTER } from './built-apps.ts'

describeHandler(REACT_ROUTER)

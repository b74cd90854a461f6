import { createContractApp } from '@flyback/frameworks/app'

export const contract = createContractApp()

import { describeAdapter } from '@flyback/testkit'
import { prismaUnderTest } from './adapter-under-test.js'

describeAdapter(prismaUnderTest('Prisma', false))

import { flyback } from '@flyback/http/nitro'

// The guestbook with node-postgres and Nitro. Nothing else in it knows about regions: both read the environment.
export default flyback()

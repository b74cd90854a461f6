import type { NextApiRequest, NextApiResponse } from 'next'
import { effect, region } from '../../lib/effect'

export default async function handler(req: NextApiRequest, res: NextApiResponse): Promise<void> {
  await effect(String(req.query['id']))
  res.json({ region })
}

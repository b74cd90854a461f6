import assert from 'node:assert/strict'

export const NAME = process.env.SMOKE_NAME
export const WHO = 'select pg_is_in_recovery() as standby'
export const INSERT = `insert into item (name) values ('${NAME}')`

/** What every adapter must do in a replica region, whatever it is called there. */
export async function check(
  { findReplayRequired, ReplayRequired, runOnPrimary },
  { read, write, end },
) {
  assert.equal(await read(), true, 'reads are local')
  const error = await write().then(
    () => assert.fail('a write in a replica region must be refused'),
    (reason) => reason,
  )
  const refusal = findReplayRequired(error)
  assert.ok(refusal instanceof ReplayRequired)
  assert.equal(refusal.region, 'ewr')
  await runOnPrimary(write)
  assert.equal(await read(), true)
  await end()
  console.log('ok')
}

/** What every framework must do in a replica region. @param ask sends a GET */
export async function checkHandler(ask) {
  assert.deepEqual(await (await ask('/')).json(), { standby: true })
  const refused = await ask('/write')
  assert.equal(refused.status, 409)
  assert.match(refused.headers.get('fly-replay'), /region=ewr/)
  assert.equal(await (await ask('/forward')).text(), 'written')
}

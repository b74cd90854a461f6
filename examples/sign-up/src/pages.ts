/** A page with a heading; its last line says in which region it was made. */
function page(heading: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>${heading}</title>
<h1>${heading}</h1>
${body}
<footer>made in ${process.env.FLY_REGION ?? 'one place'}</footer>
</html>
`
}

/** The form to sign up or to log in with. */
export function formPage(what: 'Sign up' | 'Log in', complaint = ''): string {
  return page(
    what,
    `<p role="alert">${complaint}</p>
<form method="post">
<label>Name <input name="name" autocomplete="username" required></label>
<label>Password <input name="password" type="password" required></label>
<button>${what}</button>
</form>
<a href="/sign-up">Sign up</a> <a href="/log-in">Log in</a>`,
  )
}

export function dashboardPage(name: string, accounts: number): string {
  return page(
    `Hello, ${escaped(name)}`,
    `<p>You are one of ${accounts}.</p>
<form method="post" action="/log-out"><button>Log out</button></form>`,
  )
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)
}

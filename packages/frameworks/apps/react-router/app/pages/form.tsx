import {
  type ActionFunctionArgs,
  Form,
  type LoaderFunctionArgs,
  redirect,
  useActionData,
} from 'react-router'
import { read, write } from '../database.server.ts'

export async function loader({ params }: LoaderFunctionArgs) {
  return { policy: params['policy'], here: await read() }
}

export async function action({ request, url }: ActionFunctionArgs) {
  const form = await request.formData()
  const region = await write(url)
  const text = form.get('text')
  if (form.has('redirect')) return redirect(`/page/read?from=${region}`)
  return { region, length: typeof text === 'string' ? text.length : 0 }
}

export default function PageWithForm() {
  const sent = useActionData<typeof action>()
  return (
    <Form method="post">
      <p>{sent === undefined ? 'nothing sent' : `${sent.length} sent to ${sent.region}`}</p>
    </Form>
  )
}

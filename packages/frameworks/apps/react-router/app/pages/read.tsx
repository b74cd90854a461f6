export default function Read() {
  return <p>nothing else</p>
}

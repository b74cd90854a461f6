'use client'
import type { ReactNode } from 'react'

export default function Boundary(): ReactNode {
  return <p>caught</p>
}

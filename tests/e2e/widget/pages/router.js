// A page that is all React Router's: the whole document's body is one React root.
import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter, Link, Route, Routes } from 'react-router'

const Page = ({ name }) => {
  document.title = `Page ${name}`
  return h('main', null, h('h1', null, name), h(Link, { to: '/app/two' }, 'to two'))
}

createRoot(document.body).render(
  h(BrowserRouter, null,
    h(Routes, null,
      h(Route, { path: '/app/one', element: h(Page, { name: 'one' }) }),
      h(Route, { path: '/app/two', element: h(Page, { name: 'two' }) }),
    ),
  ),
)

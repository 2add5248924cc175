// As Astro's client router goes on: head and body are replaced, and scripts run again.
addEventListener('click', async (event) => {
  const link = event.target.closest('a')
  if (!link) return
  event.preventDefault()
  const text = await (await fetch(link.href)).text()
  const next = new DOMParser().parseFromString(text, 'text/html')
  history.pushState({}, '', link.href)
  await document.startViewTransition(() => {
    document.head.replaceChildren(...next.head.children)
    document.body.replaceWith(next.body)
    for (const script of document.querySelectorAll('script[data-site]')) {
      const again = document.createElement('script')
      again.src = script.src
      Object.assign(again.dataset, script.dataset)
      script.replaceWith(again)
    }
  }).finished
})

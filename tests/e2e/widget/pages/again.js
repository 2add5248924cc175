// Inserts the page's script tag once more.
() =>
  new Promise((done) => {
    const again = document.createElement('script')
    const first = document.querySelector('script[data-site]')
    Object.assign(again.dataset, first.dataset)
    Object.assign(again, { src: first.src, onload: done })
    document.body.append(again)
  })

import { defineConfig } from 'vitest/config'

export default defineConfig({
  // What the build defines.
  define: {
    PANEL_FILE: '"panel.js"',
    PART_FILES: '{}',
    LANGUAGES: '["ar", "de"]',
  },
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.ts'],
    css: false,
    setupFiles: ['test/setup.ts'],
    restoreMocks: true,
    unstubGlobals: true,
  },
})

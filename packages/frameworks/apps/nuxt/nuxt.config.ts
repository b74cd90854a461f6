export default defineNuxtConfig({
  compatibilityDate: '2026-11-25',
  telemetry: false,
  sourcemap: false,
  routeRules: { '/page/kept/**': { swr: 60 } },
})

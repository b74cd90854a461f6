import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import { countEvents } from './otel/metrics.js'
import { makeSpans } from './otel/spans.js'

export interface InstrumentFlybackOptions {
  /** @default the global one, also when it is registered later */
  readonly tracerProvider?: TracerProvider
  /** @default the global one at the time of the call */
  readonly meterProvider?: MeterProvider
  /**
   * Whether each statement has a span, which says where it went and why. The spans of a driver's own instrumentation stay as
   * they are, beside it.
   *
   * @default true
   */
  readonly statementSpans?: boolean
}

const NAME = '@flyback/http'

/**
 * Makes spans and metrics, by OpenTelemetry's API, of what Flyback tells on `diagnostics_channel`. Call it once, when the SDK
 * has started; a second call makes everything twice.
 *
 * @returns what ends that; spans that have begun are not ended
 *
 * @example
 * new NodeSDK({ instrumentations: [getNodeAutoInstrumentations()] }).start()
 * instrumentFlyback()
 */
export function instrumentFlyback(options: InstrumentFlybackOptions = {}): () => void {
  const { tracerProvider = trace, meterProvider = metrics, statementSpans = true } = options
  const endSpans = makeSpans(tracerProvider.getTracer(NAME), statementSpans)
  const endCounts = countEvents(meterProvider.getMeter(NAME))
  return function stopFlyback() {
    endSpans()
    endCounts()
  }
}

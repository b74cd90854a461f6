import { type Attributes, context, type Span, SpanKind, type Tracer } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { type InstrumentFlybackOptions, instrumentFlyback } from '../../src/otel.js'

/** OpenTelemetry's SDK with everything kept in memory, and Flyback instrumented. */
export interface Telemetry extends AsyncDisposable {
  /** Of the app, and of other instrumentations. */
  readonly tracer: Tracer
  spans(): ReadableSpan[]
  /** What a metric has counted, or how often it was recorded, by its attributes. */
  points(metric: string): Promise<[attributes: Attributes, value: number][]>
  units(): Promise<Record<string, string>>
  /** Runs what a server does for a request, in a span as an instrumentation of HTTP makes it. */
  serve(work: (span: Span) => unknown): void
  stop(): void
}

export function startTelemetry(options: Partial<InstrumentFlybackOptions> = {}): Telemetry {
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })],
  })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const meterProvider = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })],
  })
  const manager = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(manager)
  const stop = instrumentFlyback({ tracerProvider, meterProvider, ...options })
  const tracer = tracerProvider.getTracer('app')

  async function collect() {
    metricExporter.reset()
    await meterProvider.forceFlush()
    return metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  }

  return {
    tracer,
    stop,
    spans: () => spanExporter.getFinishedSpans(),
    async points(name) {
      const metric = (await collect()).find(({ descriptor }) => descriptor.name === name)
      return (metric?.dataPoints ?? []).map(({ attributes, value }) => [
        attributes,
        typeof value === 'number' ? value : value.count,
      ])
    },
    async units() {
      const all = await collect()
      return Object.fromEntries(all.map(({ descriptor }) => [descriptor.name, descriptor.unit]))
    },
    serve(work) {
      tracer.startActiveSpan('GET', { kind: SpanKind.SERVER }, (span) => void work(span))
    },
    async [Symbol.asyncDispose]() {
      stop()
      context.disable()
      manager.disable()
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()])
    },
  }
}

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestTelemetry shows that each attempt of a call has a span without passwords, and
// that the gauge counts leases.
func TestTelemetry(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	otel.SetTracerProvider(traces)
	p := newPartner(t, 3)
	s := p.newServer(t)
	p.service.FailNext(iomeetingtest.HTTPStatus(503))
	ctx, visitor := traces.Tracer("").Start(t.Context(), "visitor")
	_, err := s.pool.Schedule(ctx, nil)
	require.NoError(t, err)

	spans := exporter.GetSpans()
	require.Len(t, spans, 3, "a query, its retry, and a schedule")
	for _, span := range spans {
		assert.Equal(t, "HTTP POST", span.Name)
		assert.Equal(t, visitor.SpanContext().SpanID(), span.Parent.SpanID())
		for _, attr := range span.Attributes {
			assert.NotContains(t, attr.Value.String(), password)
		}
	}
	reader := sdkmetric.NewManualReader()
	require.NoError(t, observe(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(""), s.pool))
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	gauge := collected.ScopeMetrics[0].Metrics[0]
	assert.Equal(t, "iomeeting.pool.leases", gauge.Name)
	assert.EqualValues(t, 1, gauge.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
}

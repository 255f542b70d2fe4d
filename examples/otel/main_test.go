package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func TestWork(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	exporter := tracetest.NewInMemoryExporter()
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	require.NoError(t, work(t.Context(), metrics, sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))))

	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	got := make(map[string]int64)
	for _, m := range collected.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, point := range data.DataPoints {
				got[m.Name+" "+point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
			}
		case metricdata.Sum[int64]:
			for _, point := range data.DataPoints {
				got[m.Name+" "+point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
			}
		case metricdata.Histogram[float64]:
			for _, point := range data.DataPoints {
				got[m.Name+" "+point.Attributes.Encoded(attribute.DefaultEncoder())] = int64(point.Count)
			}
		}
	}
	assert.Equal(t, map[string]int64{
		"iomeeting.call.duration op=query,status=200":               2,
		"iomeeting.call.duration op=schedule,status=200":            2,
		"iomeeting.pool.accounts state=free":                        0,
		"iomeeting.pool.accounts state=leased":                      2,
		"iomeeting.pool.accounts state=expired":                     0,
		"iomeeting.pool.events event=iomeeting pool: lease taken":   2,
		"iomeeting.pool.events event=iomeeting pool: lease renewed": 2,
	}, got)

	spans := exporter.GetSpans()
	require.Len(t, spans, 5)
	visitors := spans[4]
	assert.Equal(t, "two visitors", visitors.Name)
	for i, name := range []string{"iomeeting query", "iomeeting schedule", "iomeeting query", "iomeeting schedule"} {
		assert.Equal(t, name, spans[i].Name)
		assert.Equal(t, visitors.SpanContext.SpanID(), spans[i].Parent.SpanID())
		assert.Equal(t, codes.Unset, spans[i].Status.Code)
	}
}

// TestFailedCall shows the spans of a query that is retried.
func TestFailedCall(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	h, err := newHandler(sdkmetric.NewMeterProvider().Meter(""),
		sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)).Tracer(""))
	require.NoError(t, err)
	host := iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("canary")}
	service := iomeetingtest.NewServer(host)
	defer service.Close()
	service.FailNext(iomeetingtest.HTTPStatus(503))
	_, err = service.Client(iomeeting.WithLogger(slog.New(h))).Query(t.Context(), host)
	require.NoError(t, err)

	spans := exporter.GetSpans()
	require.Len(t, spans, 2)
	assert.Equal(t, codes.Error, spans[0].Status.Code)
	assert.Equal(t, "iomeeting: query: bad response: the response has HTTP status 503 Service Unavailable",
		spans[0].Status.Description)
	assert.Equal(t, codes.Unset, spans[1].Status.Code)
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	assert.Contains(t, out.String(), `"iomeeting.pool.accounts"`)
	assert.Contains(t, out.String(), `"iomeeting schedule"`)
	assert.NotContains(t, out.String(), "secret-")
}

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestTracedCalls traces calls over TLS: a span for each attempt, sent on to the
// service, without passwords, and as many connections as without tracing.
func TestTracedCalls(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	otel.SetTracerProvider(traces)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	p := newPartner(t, 1)
	hosts, err := readHosts(p.hostsFile)
	require.NoError(t, err)
	target, err := url.Parse(p.service.URL)
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	var connections atomic.Int32
	front.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	front.StartTLS()
	defer front.Close()
	client, err := iomeeting.NewClient(front.URL, iomeeting.WithTransportWrapper(traced), iomeeting.WithHTTPClient(front.Client()))
	require.NoError(t, err)
	defer client.CloseIdleConnections()

	ctx, visitor := traces.Tracer("").Start(t.Context(), "visitor")
	p.service.FailNext(iomeetingtest.HTTPStatus(503))
	for range 5 {
		_, err = client.Query(ctx, hosts[0])
		require.NoError(t, err)
	}
	before := connections.Load()
	assert.LessOrEqual(t, before, int32(2), "queries share a connection, but a retry opens one")
	var schedules sync.WaitGroup
	for range 20 {
		schedules.Go(func() {
			_, err := client.Schedule(ctx, hosts[0], nil)
			assert.NoError(t, err)
		})
	}
	schedules.Wait()
	assert.EqualValues(t, 20, connections.Load()-before, "each Schedule has its own")

	spans := exporter.GetSpans()
	require.Len(t, spans, 26)
	sent := make(map[string]bool)
	for _, span := range spans {
		assert.Equal(t, "HTTP POST", span.Name)
		assert.Equal(t, visitor.SpanContext().SpanID(), span.Parent.SpanID())
		sent["00-"+span.SpanContext.TraceID().String()+"-"+span.SpanContext.SpanID().String()+"-01"] = true
		for _, attr := range span.Attributes {
			assert.NotContains(t, attr.Value.String(), password)
		}
	}
	for _, request := range p.service.Requests() {
		assert.True(t, sent[request.Header.Get("Traceparent")], request.Path)
	}
}

func TestGauge(t *testing.T) {
	p := newPartner(t, 3)
	s := p.newServer(t)
	for range 2 {
		_, err := s.pool.Schedule(t.Context(), nil)
		require.NoError(t, err)
	}
	leases, err := s.pool.Leases(t.Context())
	require.NoError(t, err)
	s.expire(t, leases[0].Host)
	reader := sdkmetric.NewManualReader()
	require.NoError(t, observe(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(""), s.pool))
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	gauge := collected.ScopeMetrics[0].Metrics[0]
	assert.Equal(t, "iomeeting.pool.leases", gauge.Name)
	got := make(map[string]int64)
	for _, point := range gauge.Data.(metricdata.Gauge[int64]).DataPoints {
		got[point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
	}
	assert.Equal(t, map[string]int64{"expired=false": 1, "expired=true": 1}, got)

	require.NoError(t, s.bookings.Close())
	var failed metricdata.ResourceMetrics
	require.Error(t, reader.Collect(t.Context(), &failed))
	assert.Empty(t, failed.ScopeMetrics, "not 0, if the database is down")
}

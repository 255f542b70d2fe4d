package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// TestTracedCalls traces calls over TLS: a span for each attempt, sent on to the
// service, and as many connections as without tracing.
func TestTracedCalls(t *testing.T) {
	host := iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("canary")}
	service := iomeetingtest.NewServer(host)
	defer service.Close()
	target, err := url.Parse(service.URL)
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

	exporter := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
	client, err := iomeeting.NewClient(front.URL, traced(traces), iomeeting.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	defer client.CloseIdleConnections()

	ctx, visitor := traces.Tracer("").Start(t.Context(), "visitor")
	for range 5 {
		_, err = client.Query(ctx, host)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, connections.Load(), "queries share a connection")
	var schedules sync.WaitGroup
	for range 20 {
		schedules.Go(func() {
			_, err := client.Schedule(ctx, host, nil)
			assert.NoError(t, err)
		})
	}
	schedules.Wait()
	assert.EqualValues(t, 21, connections.Load(), "each Schedule has its own")
	service.FailNext(iomeetingtest.HTTPStatus(503))
	_, err = client.Query(ctx, host)
	require.NoError(t, err)

	spans := exporter.GetSpans()
	require.Len(t, spans, 27)
	traced := make(map[string]bool)
	for _, span := range spans {
		assert.Equal(t, "HTTP POST", span.Name)
		assert.Equal(t, visitor.SpanContext().SpanID(), span.Parent.SpanID())
		traced["00-"+span.SpanContext.TraceID().String()+"-"+span.SpanContext.SpanID().String()+"-01"] = true
	}
	for _, request := range service.Requests() {
		assert.True(t, traced[request.Header.Get("Traceparent")], request.Path)
	}
	for _, attr := range spans[25].Attributes {
		if attr.Key == "http.response.status_code" {
			assert.EqualValues(t, 503, attr.Value.AsInt64())
		}
		assert.False(t, strings.Contains(attr.Value.String(), "canary"))
	}
}

func TestGauge(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	p := newPartner(t, 3)
	s := p.newServer(t)
	require.NoError(t, s.observe(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("")))
	expiring, err := s.pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.pool.Schedule(t.Context(), nil)
	require.NoError(t, err)
	s.expire(t, expiring.Host)
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	got := make(map[string]int64)
	for _, point := range collected.ScopeMetrics[0].Metrics[0].Data.(metricdata.Gauge[int64]).DataPoints {
		got[point.Attributes.Encoded(attribute.DefaultEncoder())] = point.Value
	}
	assert.Equal(t, map[string]int64{"state=free": 1, "state=leased": 1, "state=expired": 1}, got)
}

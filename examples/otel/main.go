// Otel traces the calls of package iomeeting with OpenTelemetry, and exports the state
// of a pool as a metric. It schedules two meetings on an in-process IOMeeting server,
// and prints what an exporter would send.
//
//	go -C examples/otel run .
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

// run prints the metrics and traces of two visitors.
func run(ctx context.Context, out io.Writer) error {
	metricExporter, err := stdoutmetric.New(stdoutmetric.WithWriter(out), stdoutmetric.WithPrettyPrint())
	if err != nil {
		return err
	}
	traceExporter, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter)))
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(traceExporter))
	err = work(ctx, metrics.Meter("example"), traces)
	return errors.Join(err, metrics.Shutdown(ctx), traces.Shutdown(ctx)) // the shutdown exports the metrics
}

// work schedules meetings on both accounts of a pool.
func work(ctx context.Context, meter metric.Meter, traces trace.TracerProvider) error {
	hosts := []iomeeting.Host{
		{Email: "alice@example.com", Password: iomeeting.NewSecret("secret-1")},
		{Email: "bob@example.com", Password: iomeeting.NewSecret("secret-2")},
	}
	service := iomeetingtest.NewServer(hosts...)
	defer service.Close()
	pool, err := hostpool.New(service.Client(traced(traces)), hostpool.NewMemoryStore(), hosts)
	if err != nil {
		return err
	}
	if err := observe(meter, pool, hosts); err != nil {
		return err
	}
	ctx, span := traces.Tracer("example").Start(ctx, "two visitors")
	defer span.End()
	for range hosts {
		if _, err := pool.Schedule(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// traced makes a client trace each attempt of a call, and send the trace on.
func traced(traces trace.TracerProvider) iomeeting.Option {
	return iomeeting.WithTransportWrapper(func(next http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(next,
			otelhttp.WithTracerProvider(traces), otelhttp.WithPropagators(propagation.TraceContext{}))
	})
}

// observe exports how many of the accounts have a lease. Other pools, with other
// accounts, may share the store.
func observe(meter metric.Meter, pool *hostpool.Pool, hosts []iomeeting.Host) error {
	isOwn := make(map[string]bool)
	for _, host := range hosts {
		isOwn[host.Email] = true
	}
	_, err := meter.Int64ObservableGauge("iomeeting.pool.accounts",
		metric.WithDescription("Host accounts by state."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			leases, err := pool.Leases(ctx)
			if err != nil {
				return err
			}
			state := map[string]int64{"free": int64(len(hosts)), "leased": 0, "expired": 0}
			for _, lease := range leases {
				switch {
				case !isOwn[lease.Host]:
					continue
				case lease.Left > 0:
					state["leased"]++
				default: // checked when the pool needs it, or by Reclaim
					state["expired"]++
				}
				state["free"]--
			}
			for name, n := range state {
				o.Observe(n, metric.WithAttributes(attribute.String("state", name)))
			}
			return nil
		}))
	return err
}

package hostpool_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/hostpool"
)

// TestParametersOfNew passes arguments that cannot be used.
func TestParametersOfNew(t *testing.T) {
	s := newSite(t, 2)
	host := func(email, password string) []iomeeting.Host {
		return []iomeeting.Host{s.hosts[0], {Email: email, Password: iomeeting.NewSecret(password)}}
	}
	tests := []struct {
		name   string
		client *iomeeting.Client
		hosts  []iomeeting.Host
		opt    hostpool.Option
		param  string
	}{
		{"nil client", nil, s.hosts, nil, "client"},
		{"client that NewClient did not make", new(iomeeting.Client), s.hosts, nil, "site"},
		{"no hosts", s.client(nil), nil, nil, "hosts"},
		{"one host twice", s.client(nil), host(email(0), "canary"), nil, "hosts"},
		{"empty email", s.client(nil), host("", "canary"), nil, "hostEmail"},
		{"line break in an email", s.client(nil), host("a\nb", "canary"), nil, "hostEmail"},
		{"long email", s.client(nil), host(strings.Repeat("x", 321), "canary"), nil, "hostEmail"},
		{"empty password", s.client(nil), host(email(1), ""), nil, "hostPassword"},
		{"nil option", s.client(nil), s.hosts, nil, "option"},
		{"nil store", s.client(nil), s.hosts, hostpool.WithStore(nil), "store"},
		{"nil signer", s.client(nil), s.hosts, hostpool.WithEndSigner(nil), "endSigner"},
		{"nil logger", s.client(nil), s.hosts, hostpool.WithLogger(nil), "logger"},
		{"no time to start", s.client(nil), s.hosts, hostpool.WithStartWithin(0), "startWithin"},
		{"negative time to start", s.client(nil), s.hosts, hostpool.WithStartWithin(-1), "startWithin"},
		{"no time between checks", s.client(nil), s.hosts, hostpool.WithCheckEvery(0), "checkEvery"},
		{"negative time between checks", s.client(nil), s.hosts, hostpool.WithCheckEvery(-1), "checkEvery"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pool, err := hostpool.New(tt.client, tt.hosts, tt.opt)
			assert.Nil(t, pool)
			assertParameter(t, tt.param, err)
		})
	}
	assert.Empty(t, s.Requests())
}

func assertParameter(t *testing.T, param string, err error) {
	t.Helper()
	var parameter *iomeeting.ParameterError
	if assert.ErrorAs(t, err, &parameter) {
		assert.Equal(t, param, parameter.Param)
	}
	assert.NotContains(t, fmt.Sprint(err), "canary")
}

// TestParametersOfCalls passes arguments that cannot be used to a pool. Neither the
// service nor the store hears of it.
func TestParametersOfCalls(t *testing.T) {
	s := newSite(t, 1)
	store := newHooked()
	store.failWith(func(context.Context) error { t.Error("the store was asked"); return errDown })
	pool := s.pool(t, hostpool.WithStore(store))
	signing := s.pool(t, hostpool.WithStore(store), hostpool.WithEndSigner(signer(t)))
	zero := new(hostpool.Pool)
	var noContext context.Context
	schedule := func(ctx context.Context, p *hostpool.Pool, opts iomeeting.ScheduleOptions) error {
		_, err := p.Schedule(ctx, &opts)
		return err
	}
	start := func(ctx context.Context, p *hostpool.Pool, opts iomeeting.StartOptions) error {
		_, err := p.Start(ctx, &opts)
		return err
	}
	list := func(ctx context.Context, p *hostpool.Pool) error {
		_, err := p.Leases(ctx)
		return err
	}
	const url, lease = "https://example.com/ended", "ID:a00@example.com"
	tests := []struct {
		name, param string
		err         error
	}{
		{"EndURL without a signer", "meetingEndUrl", schedule(t.Context(), pool, iomeeting.ScheduleOptions{EndURL: url})},
		{"bad EndURL", "meetingEndUrl", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: "canary"})},
		{"bad meeting password", "meetingPassword", schedule(t.Context(), signing, iomeeting.ScheduleOptions{MeetingPassword: iomeeting.NewSecret("canary\n")})},
		{"bad meeting password with an EndURL", "meetingPassword", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: url, MeetingPassword: iomeeting.NewSecret("canary\n")})},
		{"long operator ID", "operatorId", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: url, OperatorID: strings.Repeat("x", 2001)})},
		{"operator ID that is signed already", "operatorId", schedule(t.Context(), signing, iomeeting.ScheduleOptions{EndURL: url, OperatorID: signer(t).Sign("canary")})},
		{"bad operator ID that is not signed", "operatorId", schedule(t.Context(), signing, iomeeting.ScheduleOptions{OperatorID: "canary\n"})},
		{"bad title", "title", start(t.Context(), pool, iomeeting.StartOptions{Title: "\xff"})},
		{"Schedule without a context", "ctx", schedule(noContext, pool, iomeeting.ScheduleOptions{})},
		{"Start without a context", "ctx", start(noContext, pool, iomeeting.StartOptions{})},
		{"Leases without a context", "ctx", list(noContext, pool)},
		{"Renew without a context", "ctx", pool.Renew(noContext, lease, 1)},
		{"Release without a context", "ctx", pool.Release(noContext, lease)},
		{"Renew for no time", "d", pool.Renew(t.Context(), lease, 0)},
		{"Renew for negative time", "d", pool.Renew(t.Context(), lease, -1)},
		{"Renew of no lease", "lease", pool.Renew(t.Context(), "canary", 1)},
		{"Renew of a lease without an ID", "lease", pool.Renew(t.Context(), ":canary", 1)},
		{"Renew of a lease without an account", "lease", pool.Renew(t.Context(), "canary:", 1)},
		{"Release of no lease", "lease", pool.Release(t.Context(), "")},
		{"Schedule of a zero Pool", "pool", schedule(t.Context(), zero, iomeeting.ScheduleOptions{})},
		{"Start of a zero Pool", "pool", start(t.Context(), zero, iomeeting.StartOptions{})},
		{"Leases of a zero Pool", "pool", list(t.Context(), zero)},
		{"Renew of a zero Pool", "pool", zero.Renew(t.Context(), lease, 1)},
		{"Release of a zero Pool", "pool", zero.Release(t.Context(), lease)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assertParameter(t, tt.param, tt.err) })
	}
	_, ok := zero.Host(email(0))
	assert.False(t, ok)
	assert.Empty(t, s.Requests())
}

// TestParametersOfEndHandler shows that EndHandler panics immediately, not when a
// meeting ends.
func TestParametersOfEndHandler(t *testing.T) {
	s := newSite(t, 1)
	onEnd := func(context.Context, string) error { return nil }
	assert.Panics(t, func() { s.pool(t).EndHandler(onEnd) }, "without a signer")
	assert.Panics(t, func() { s.pool(t, hostpool.WithEndSigner(signer(t))).EndHandler(nil) }, "without onEnd")
	assert.Panics(t, func() { new(hostpool.Pool).EndHandler(onEnd) }, "of a zero Pool")
}

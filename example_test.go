package iomeeting_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-querystring/query"
	"github.com/jarcoal/httpmock"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// The examples run against a service in the process. Its accounts:
var (
	alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}
	bob   = iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("battery staple")}
)

// visit opens a link as a browser does that submits a form.
func visit(link iomeeting.Link) {
	res, err := http.PostForm(link.Endpoint(), link.Params())
	if err != nil {
		log.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		log.Fatal(res.Status)
	}
}

// startMeeting schedules a meeting, unless the host is in one, and returns the
// link that starts it in the host's browser.
func startMeeting(ctx context.Context, client *iomeeting.Client, host iomeeting.Host) (iomeeting.Link, error) {
	meeting, err := client.ScheduleIfAvailable(ctx, host, nil)
	if err != nil {
		return iomeeting.Link{}, err
	}
	return client.StartByID(meeting.MeetingID, host.Password)
}

func Example() {
	service := iomeetingtest.NewServer(alice) // a service in the process
	defer service.Close()
	client, err := iomeeting.NewClient(service.URL) // such as "https://abc.iomeeting.cn"
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	link, err := startMeeting(ctx, client, alice)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	_, err = startMeeting(ctx, client, alice)
	fmt.Println("second meeting:", err)
	// Output:
	// second meeting: iomeeting: schedule: host is in a meeting
}

func ExampleNewClient() {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn/meetings/",
		iomeeting.WithTimeout(0), // the context of each call decides
		iomeeting.WithRetries(4),
	)
	if err != nil {
		log.Fatal(err)
	}
	link, err := client.JoinByID("123456", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.URL())

	_, err = iomeeting.NewClient("http://abc.iomeeting.cn")
	fmt.Println(err)
	// Output:
	// https://abc.iomeeting.cn/meetings/jm.do?meetingID=123456
	// iomeeting: invalid parameter: site must start with https://, since http sends passwords in clear; WithInsecureHTTP allows it
}

// newExampleClient returns a client to make links with.
func newExampleClient() *iomeeting.Client {
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleClient_Start() {
	client := newExampleClient()
	link, err := client.Start(alice, &iomeeting.StartOptions{
		MeetingPassword:  iomeeting.NewSecret("tea, please"),
		ObserverPassword: iomeeting.NewSecret("just looking"),
		Title:            "Q3_Review 会议",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
	// Output:
	// https://abc.iomeeting.cn/snm.do?hostEmail=alice%40example.com&hostPass=REDACTED&meetingPass=REDACTED&observerPass=REDACTED&title=Q3_5FReview+_E4_BC_9A_E8_AE_AE
}

func ExampleClient_StartByID() {
	client := newExampleClient()
	link, err := client.StartByID("000042", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
	// Output:
	// https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED&meetingID=000042
}

func ExampleClient_Join() {
	client := newExampleClient()
	link, err := client.Join("alice@example.com", &iomeeting.JoinOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
		UserName:        "Joe Smith",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
	// Output:
	// https://abc.iomeeting.cn/jm.do?hostEmail=alice%40example.com&meetingPass=REDACTED&userName=Joe+Smith
}

func ExampleClient_JoinByID() {
	client := newExampleClient()
	link, err := client.JoinByID("000042", &iomeeting.JoinOptions{
		ObserverPassword: iomeeting.NewSecret("just looking"),
		UserName:         "Renée O'Brien",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
	// Output:
	// https://abc.iomeeting.cn/jm.do?meetingID=000042&observerPass=REDACTED&userName=Ren_C3_A9e+O_27Brien
}

func ExampleClient_Query() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(), context.Background()

	state, err := client.Query(ctx, alice)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("available:", state.Available())

	link, err := client.Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)
	state, err = client.Query(ctx, alice)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("in a meeting:", state.InMeeting(), state.MeetingID)
	// Output:
	// available: true
	// in a meeting: true 000001
}

// The state of many hosts, with 64 calls at once at the most. The first error
// ends the other calls. With [golang.org/x/sync/errgroup], WithContext and
// SetLimit(64) do the same.
func ExampleClient_Query_manyHosts() {
	var hosts []iomeeting.Host
	for i := range 100 {
		hosts = append(hosts, iomeeting.Host{
			Email:    fmt.Sprintf("room-%d@example.com", i),
			Password: iomeeting.NewSecret("correct horse"),
		})
	}
	service := iomeetingtest.NewServer(hosts...)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(hosts[41], nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	states := make([]iomeeting.QueryResult, len(hosts)) // each call has an element of its own
	slots := make(chan struct{}, 64)
	var calls sync.WaitGroup
	for i, host := range hosts {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			state, err := client.Query(ctx, host)
			if err != nil {
				cancel(fmt.Errorf("%s: %w", host.Email, err)) // keeps the first one
			}
			states[i] = state
		})
	}
	calls.Wait()
	if err := context.Cause(ctx); err != nil {
		log.Fatal(err)
	}
	for i, state := range states {
		if state.InMeeting() {
			fmt.Println("in a meeting:", hosts[i].Email)
		}
	}
	// Output:
	// in a meeting: room-41@example.com
}

func ExampleClient_Schedule() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(), context.Background()

	meeting, err := client.Schedule(ctx, alice, &iomeeting.ScheduleOptions{
		MeetingPassword: iomeeting.NewSecret("tea, please"),
		EndURL:          "https://partner.example/meeting-ended",
		OperatorID:      "booking-7",
	})
	switch {
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		fmt.Println("ask Query before scheduling again:", err)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("scheduled:", meeting.MeetingID)
	}
	// Output:
	// scheduled: 000001
}

func ExampleClient_ScheduleIfAvailable() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(), context.Background()

	meeting, err := client.ScheduleIfAvailable(ctx, alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("scheduled:", meeting.MeetingID)

	link, err := client.StartByID(meeting.MeetingID, alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)
	_, err = client.ScheduleIfAvailable(ctx, alice, nil)
	fmt.Println("left alone:", errors.Is(err, iomeeting.ErrInMeeting))
	// Output:
	// scheduled: 000001
	// left alone: true
}

func ExampleQueryResult_Available() {
	service := iomeetingtest.NewServer(alice, bob)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	for _, host := range []iomeeting.Host{alice, bob} {
		state, err := client.Query(context.Background(), host)
		if err != nil {
			log.Fatal(err)
		}
		if state.Available() {
			fmt.Println("free to start:", host.Email)
		}
	}
	// Output:
	// free to start: bob@example.com
}

func ExampleQueryResult_InMeeting() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(alice, &iomeeting.StartOptions{MeetingPassword: iomeeting.NewSecret("tea, please")})
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	state, err := client.Query(context.Background(), alice)
	if err != nil {
		log.Fatal(err)
	}
	if state.InMeeting() {
		link, err := client.JoinByID(state.MeetingID, &iomeeting.JoinOptions{MeetingPassword: state.MeetingPassword})
		if err != nil {
			log.Fatal(err)
		}
		visit(link)
		fmt.Println("joined", state.MeetingID)
	}
	// Output:
	// joined 000001
}

func ExampleStatus_String() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()

	_, err := service.Client().Query(context.Background(), bob)
	var refusal *iomeeting.StatusError
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status) // without the prefix of the error
	}
	// Output:
	// host not found
}

func ExampleLink_URL() {
	link, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.URL())
	// Output:
	// https://abc.iomeeting.cn/jm.do?hostEmail=alice%40example.com&userName=Joe+Smith
}

func ExampleLink_Params() {
	link, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	// To open the page as a browser does: http.PostForm(link.Endpoint(), link.Params())
	fmt.Println(link.Endpoint(), link.Params())
	// Output:
	// https://abc.iomeeting.cn/jm.do map[hostEmail:[alice@example.com] userName:[Joe Smith]]
}

func ExampleLink_String() {
	link, err := newExampleClient().StartByID("000042", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link) // as does a log, JSON or a template
	fmt.Println(strings.Contains(link.URL(), "REDACTED"))
	// Output:
	// https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED&meetingID=000042
	// false
}

// A test opens a page as a browser does.
func ExampleLink_Endpoint() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	link, err := service.Client().Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	res, err := http.PostForm(link.Endpoint(), link.Params())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status)
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 200 OK
}

func ExampleLink_Format() {
	link, err := newExampleClient().StartByID("000042", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("sent %q\n", link)
	// Output:
	// sent "https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED&meetingID=000042"
}

// newExampleLogger returns a logger whose records have no time.
func newExampleLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func ExampleLink_LogValue() {
	link, err := newExampleClient().StartByID("000042", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	newExampleLogger().Info("sent", "link", link)
	// Output:
	// level=INFO msg=sent link="https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED&meetingID=000042"
}

func ExampleLink_MarshalText() {
	link, err := newExampleClient().StartByID("000042", alice.Password)
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(map[string]iomeeting.Link{"sent": link})
	fmt.Println(string(text), err) // encoding/json writes & as \u0026
	// Output:
	// {"sent":"https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED\u0026meetingID=000042"} <nil>
}

func ExampleSecret() {
	var config struct{ Password iomeeting.Secret }
	if err := config.Password.UnmarshalText([]byte("correct horse")); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v %+v %q\n", config, config, config.Password)
	fmt.Println(config.Password == alice.Password)
	fmt.Println(config.Password.Reveal())
	// Output:
	// {REDACTED} {Password:REDACTED} REDACTED
	// true
	// correct horse
}

func ExampleNewSecret() {
	host := iomeeting.Host{
		Email:    "alice@example.com",
		Password: iomeeting.NewSecret(os.Getenv("IOMEETING_HOST_PASSWORD")),
	}
	fmt.Println(host)
	// Output:
	// {alice@example.com REDACTED}
}

// An invitation is one of the few texts in which a password is to be read.
func ExampleSecret_Reveal() {
	password := iomeeting.NewSecret("tea, please")
	fmt.Println("Meeting 000042, password: " + password.Reveal())
	// Output:
	// Meeting 000042, password: tea, please
}

func ExampleSecret_IsZero() {
	host := iomeeting.Host{Email: "alice@example.com"}
	if host.Password.IsZero() { // printed, it looks like any other
		fmt.Println("the password is missing:", host)
	}
	// Output:
	// the password is missing: {alice@example.com REDACTED}
}

// A password comes in from a configuration, and what was printed in its place
// does not.
func ExampleSecret_UnmarshalText() {
	var host iomeeting.Host
	err := json.Unmarshal([]byte(`{"Email": "alice@example.com", "Password": "correct horse"}`), &host)
	fmt.Println(host == alice, err)
	err = json.Unmarshal([]byte(`{"Email": "alice@example.com", "Password": "REDACTED"}`), &host)
	fmt.Println(err)
	// Output:
	// true <nil>
	// iomeeting: invalid parameter: secret is the word that is printed in place of a secret
}

func ExampleSecret_MarshalText() {
	text, err := json.Marshal(alice)
	fmt.Println(string(text), err)
	// Output:
	// {"Email":"alice@example.com","Password":"REDACTED"} <nil>
}

func ExampleSecret_String() {
	settings := []string{alice.Email, alice.Password.String()}
	fmt.Println(strings.Join(settings, ", "))
	// Output:
	// alice@example.com, REDACTED
}

func ExampleSecret_Format() {
	fmt.Printf("%v %s %q %x\n", alice.Password, alice.Password, alice.Password, alice.Password)
	// Output:
	// REDACTED REDACTED REDACTED REDACTED
}

func ExampleSecret_LogValue() {
	newExampleLogger().Info("signed in", "email", alice.Email, "password", alice.Password)
	// Output:
	// level=INFO msg="signed in" email=alice@example.com password=REDACTED
}

// A request of one's own, for which go-querystring asks the Secret.
func ExampleSecret_EncodeValues() {
	values, err := query.Values(struct {
		Email    string           `url:"hostEmail"`
		Password iomeeting.Secret `url:"hostPassword"`
	}{alice.Email, alice.Password})
	fmt.Println(values.Encode(), err)
	// Output:
	// hostEmail=alice%40example.com&hostPassword=correct+horse <nil>
}

func ExampleEncodeText() {
	encoded, err := iomeeting.EncodeText("Q3_Review 会议")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(encoded)
	// Output:
	// Q3_5FReview+_E4_BC_9A_E8_AE_AE
}

func ExampleDecodeText() {
	for _, s := range []string{"Joe+Smith", "Joe Smith", "_E4_BC_9A", "100%"} {
		text, err := iomeeting.DecodeText(s)
		fmt.Printf("%q %v\n", text, err)
	}
	// Output:
	// "Joe Smith" <nil>
	// "Joe Smith" <nil>
	// "会" <nil>
	// "" iomeeting: invalid parameter: text holds a %, which the encoding replaces with _
}

// handle shows what to do about each error.
func handle(err error) string {
	var parameter *iomeeting.ParameterError
	var response *iomeeting.ResponseError
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, iomeeting.ErrOutcomeUnknown): // first: it holds its cause as well
		return "ask Query before scheduling again"
	case errors.As(err, &parameter):
		return "mend " + parameter.Param
	case errors.Is(err, iomeeting.ErrHostNotFound):
		return "mend the e-mail address"
	case errors.Is(err, iomeeting.ErrWrongPassword):
		return "ask for the password"
	case errors.Is(err, iomeeting.ErrInMeeting):
		return "wait until the meeting ends"
	case errors.As(err, &response) && (response.StatusCode == 408 || response.StatusCode == 429 || response.StatusCode >= 500):
		return "try later"
	case errors.As(err, &response):
		return fmt.Sprint("look at the site's address: HTTP status ", response.StatusCode)
	case errors.Is(err, context.DeadlineExceeded):
		return "try later"
	case errors.Is(err, context.Canceled):
		return "nobody waits any more"
	default:
		return "look at the network: " + err.Error()
	}
}

func ExampleStatusError() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(), context.Background()

	_, err := client.Query(ctx, iomeeting.Host{Email: alice.Email, Password: bob.Password})
	fmt.Println(handle(err))
	_, err = client.Query(ctx, bob)
	fmt.Println(handle(err))
	_, err = client.Query(ctx, iomeeting.Host{Email: alice.Email})
	fmt.Println(handle(err))
	service.FailNext(iomeetingtest.HTTPStatus(http.StatusNotFound))
	_, err = client.Query(ctx, alice)
	fmt.Println(handle(err))
	service.FailNext(iomeetingtest.Drop())
	_, err = client.Schedule(ctx, alice, nil)
	fmt.Println(handle(err))
	// Output:
	// ask for the password
	// mend the e-mail address
	// mend hostPassword
	// look at the site's address: HTTP status 404
	// ask Query before scheduling again
}

func ExampleParameterError() {
	_, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{
		MeetingPassword:  iomeeting.NewSecret("tea, please"),
		ObserverPassword: iomeeting.NewSecret("just looking"),
	})
	var parameter *iomeeting.ParameterError
	if errors.As(err, &parameter) {
		fmt.Printf("the field %s %s\n", parameter.Param, parameter.Reason)
	}
	// Output:
	// the field observerPass cannot be sent beside meetingPass
}

func ExampleResponseError() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.RawAnswer("<h1>Back at noon</h1>"))

	_, err := service.Client().Query(context.Background(), alice)
	var response *iomeeting.ResponseError
	if errors.As(err, &response) {
		fmt.Printf("HTTP status %d, but the answer %s\n", response.StatusCode, response.Reason)
		fmt.Println(response.Body.Reveal()) // for your eyes only: it may repeat the request
	}
	// Output:
	// HTTP status 200, but the answer does not start with a status that the spec knows
	// <h1>Back at noon</h1>
}

// A test of one's own code runs against a service in the process.
func Example_testingWithTheService() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	link, err := startMeeting(context.Background(), client, alice)
	if err != nil {
		log.Fatal(err)
	}
	visit(link) // http.PostForm(link.Endpoint(), link.Params()), as a browser does
	if err := service.EndMeeting("000001"); err != nil {
		log.Fatal(err)
	}

	service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop()) // the query is answered, the schedule is not
	_, err = startMeeting(context.Background(), client, alice)
	fmt.Println(errors.Is(err, iomeeting.ErrOutcomeUnknown))
	for _, request := range service.Requests() {
		fmt.Println(request.Method, request.Path)
	}
	// Output:
	// true
	// POST /meetingControl/query
	// POST /meetingControl/schedule
	// POST /ssm.do
	// POST /meetingControl/query
	// POST /meetingControl/schedule
}

// Where nothing may listen, a mock answers in place of the network.
func Example_testingWithHTTPMock() {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "https://abc.iomeeting.cn/meetingControl/query",
		httpmock.NewStringResponder(http.StatusOK, "3,000042,tea"))
	client, err := iomeeting.NewClient("https://abc.iomeeting.cn",
		iomeeting.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		log.Fatal(err)
	}
	state, err := client.Query(context.Background(), alice)
	fmt.Println(state.InMeeting(), state.MeetingID, err)
	// Output:
	// true 000042 <nil>
}

// httpmock.Activate replaces http.DefaultTransport. It comes before NewClient.
func Example_testingWithHTTPMockActivate() {
	httpmock.Activate()
	defer httpmock.DeactivateAndReset()
	httpmock.RegisterResponder("POST", "https://abc.iomeeting.cn/meetingControl/schedule",
		httpmock.NewStringResponder(http.StatusOK, "0,000042"))

	client, err := iomeeting.NewClient("https://abc.iomeeting.cn")
	if err != nil {
		log.Fatal(err)
	}
	meeting, err := client.Schedule(context.Background(), alice, nil)
	fmt.Println(meeting.MeetingID, err)
	// Output:
	// 000042 <nil>
}

// Tracing and metrics come in as a RoundTripper, such as OpenTelemetry's
// otelhttp.NewTransport(http.DefaultTransport). It must send each request once:
// one that tries again by itself sends a Schedule twice, and the second one ends
// a meeting that the host has started since.
func ExampleWithHTTPClient() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()

	client, err := iomeeting.NewClient(service.URL, iomeeting.WithHTTPClient(&http.Client{
		Transport: traced{http.DefaultTransport},
	}))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Query(context.Background(), alice); err != nil {
		log.Fatal(err)
	}
	// Output:
	// POST /meetingControl/query 200 OK
}

// traced is a RoundTripper that sees every request go by, and sends each once.
type traced struct{ next http.RoundTripper }

func (t traced) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err == nil {
		fmt.Println(req.Method, req.URL.Path, res.Status)
	}
	return res, err
}

// startPage lets a host who has signed in start a meeting, by GET.
func startPage(client *iomeeting.Client, host iomeeting.Host) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" { // another site sent the browser here
			http.Error(w, "Please start from our own pages.", http.StatusForbidden)
			return
		}
		link, err := client.Start(host, &iomeeting.StartOptions{Title: r.FormValue("title")})
		if err != nil {
			http.Error(w, "The meeting cannot be started.", http.StatusBadRequest)
			return
		}
		link.ServeHTTP(w, r) // a page that POSTs the form at once
	}
}

func ExampleLink_ServeHTTP() {
	w := httptest.NewRecorder()
	startPage(newExampleClient(), alice)(w, httptest.NewRequest(http.MethodGet, "/start?title=Marketing", nil))
	fmt.Println(w.Code, w.Header().Get("Cache-Control"), w.Header().Get("Referrer-Policy"))
	fmt.Println(strings.Contains(w.Body.String(), `<input type="hidden" name="title" value="Marketing">`))
	// Output:
	// 200 no-store no-referrer
	// true
}

func ExampleLink_Form() {
	link, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	page := template.Must(template.New("page").Parse("<h1>Tea at four</h1>\n{{.}}"))
	if err := page.Execute(os.Stdout, link.Form("Join the meeting")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// <h1>Tea at four</h1>
	// <form method="post" action="https://abc.iomeeting.cn/jm.do" accept-charset="utf-8" autocomplete="off">
	// <input type="hidden" name="hostEmail" value="alice@example.com">
	// <input type="hidden" name="userName" value="Joe Smith">
	// <button type="submit">Join the meeting</button>
	// </form>
}

// writeShortcuts writes a shortcut for each desktop into a new folder.
func writeShortcuts(dir string, link iomeeting.Link, name string) error {
	for _, s := range []iomeeting.Shortcut{iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut} {
		// The file is a new one: one that is there may be readable to others.
		file, err := os.OpenFile(filepath.Join(dir, "meeting"+s.Ext()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(link.WriteShortcut(file, s, name), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

func ExampleLink_WriteShortcut() {
	link, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "shortcuts")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := writeShortcuts(dir, link, "Tea at four"); err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, "meeting.desktop"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(file))
	// Output:
	// [Desktop Entry]
	// Version=1.0
	// Type=Link
	// Name=Tea at four
	// URL=https://abc.iomeeting.cn/jm.do?hostEmail=alice%40example.com&userName=Joe+Smith
}

func ExampleShortcut_Ext() {
	fmt.Println(iomeeting.WindowsShortcut.Ext(), iomeeting.MacShortcut.Ext(), iomeeting.LinuxShortcut.Ext())
	// Output:
	// .url .webloc .desktop
}

// endKey comes from where a server keeps its keys: 32 random bytes or more, such
// as iomeeting.NewSecret(os.Getenv("END_KEY")).
var endKey = iomeeting.NewSecret("a key of 32 bytes, for this only")

func ExampleEndSigner_Handler() {
	signer, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/meeting-ended", signer.Handler(func(_ context.Context, operatorID string) error {
		fmt.Println("over:", operatorID) // it may be told twice
		return nil
	}))
	partner := httptest.NewServer(mux)
	defer partner.Close()
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	meeting, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     partner.URL + "/meeting-ended",
		OperatorID: signer.Sign("booking-7"),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}

	// A test may do without the service: this is what it POSTs.
	res, err := http.PostForm(partner.URL+"/meeting-ended", url.Values{"operatorId": {signer.Sign("booking-8")}})
	if err != nil {
		log.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	res, err = http.PostForm(partner.URL+"/meeting-ended", url.Values{"operatorId": {"booking-9"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("forged:", res.StatusCode)
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// over: booking-7
	// over: booking-8
	// forged: 403
}

// A new key signs from now on; the old one is kept until the meetings that were
// scheduled with it have ended.
func ExampleNewEndSigner_changeOfKey() {
	before, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	underWay := before.Sign("booking-7")

	newKey := iomeeting.NewSecret("another key of 32 bytes or more.")
	after, err := iomeeting.NewEndSigner(newKey, endKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(after.Verify(underWay))
	// Output:
	// booking-7 <nil>
}

func ExampleEndSigner_Sign() {
	signer, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	signed := signer.Sign("booking-7")
	fmt.Println(strings.HasPrefix(signed, "Ym9va2luZy03."), len(signed))
	// Output:
	// true 56
}

func ExampleEndSigner_Verify() {
	signer, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signer.Verify(signer.Sign("booking-7")))
	_, err = signer.Verify("booking-7")
	fmt.Println(errors.Is(err, iomeeting.ErrBadSignature))
	// Output:
	// booking-7 <nil>
	// true
}

func ExampleUnsignedEndHandler() {
	partner := httptest.NewServer(iomeeting.UnsignedEndHandler(func(_ context.Context, operatorID string) error {
		fmt.Println("over, says somebody:", operatorID)
		return nil
	}))
	defer partner.Close()
	res, err := http.PostForm(partner.URL, url.Values{"operatorId": {"booking-7"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// over, says somebody: booking-7
}

package iomeeting_test

import (
	"context"
	"crypto/rand"
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
	"time"

	"github.com/google/go-querystring/query"
	"github.com/jarcoal/httpmock"

	"github.com/iomeeting/iomeeting-go"
	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// The examples run against an in-process IOMeeting server with these accounts.
var (
	alice = iomeeting.Host{Email: "alice@example.com", Password: iomeeting.NewSecret("correct horse")}
	bob   = iomeeting.Host{Email: "bob@example.com", Password: iomeeting.NewSecret("battery staple")}
)

// visit opens a link as a browser does when it submits a form.
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
	service := iomeetingtest.NewServer(alice) // stands in for the IOMeeting service
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
		iomeeting.WithTimeout(0), // only the context limits a call
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
	// iomeeting: invalid parameter: site must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it
}

// newExampleClient returns a client for the examples that only make links.
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
	fmt.Println("available:", !state.InMeeting)

	link, err := client.Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)
	state, err = client.Query(ctx, alice)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("in a meeting:", state.InMeeting, state.MeetingID)
	// Output:
	// available: true
	// in a meeting: true 000001
}

// This example reads the state of many hosts, with at most 64 concurrent calls. If a
// call fails, the others go on.
func ExampleClient_Query_manyHosts() {
	hosts := []iomeeting.Host{bob} // the server has no such account
	for i := range 100 {
		hosts = append(hosts, iomeeting.Host{
			Email:    fmt.Sprintf("room-%d@example.com", i),
			Password: iomeeting.NewSecret("correct horse"),
		})
	}
	service := iomeetingtest.NewServer(hosts[1:]...)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(hosts[42], nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // for all calls
	defer cancel()
	states := make([]iomeeting.QueryResult, len(hosts))
	errs := make([]error, len(hosts))
	slots := make(chan struct{}, 64)
	var calls sync.WaitGroup
	for i, host := range hosts {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			states[i], errs[i] = client.Query(ctx, host)
		})
	}
	calls.Wait()
	for i, host := range hosts {
		if errs[i] != nil {
			fmt.Println(host.Email, errs[i])
		} else if states[i].InMeeting {
			fmt.Println(host.Email, "is in a meeting")
		}
	}
	// Output:
	// bob@example.com iomeeting: query: host not found
	// room-41@example.com is in a meeting
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
		fmt.Println("call Query before scheduling again:", err)
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

func ExampleQueryResult() {
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
		if !state.InMeeting {
			fmt.Println("free to start:", host.Email)
		}
	}
	// Output:
	// free to start: bob@example.com
}

func ExampleQueryResult_inMeeting() {
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
	if state.InMeeting {
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
	fmt.Println(link) // logs, JSON and templates show the same
	fmt.Println(strings.Contains(link.URL(), "REDACTED"))
	// Output:
	// https://abc.iomeeting.cn/ssm.do?hostPass=REDACTED&meetingID=000042
	// false
}

// A test can open the page as a browser does.
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

// An invitation is one of the few texts that show a password.
func ExampleSecret_Reveal() {
	password := iomeeting.NewSecret("tea, please")
	fmt.Println("Meeting 000042, password: " + password.Reveal())
	// Output:
	// Meeting 000042, password: tea, please
}

func ExampleSecret_IsZero() {
	host := iomeeting.Host{Email: "alice@example.com"}
	if host.Password.IsZero() { // an empty Secret prints like any other
		fmt.Println("the password is missing:", host)
	}
	// Output:
	// the password is missing: {alice@example.com REDACTED}
}

// A Secret can be read from a configuration. REDACTED, which was printed instead of
// a password, cannot be read back.
func ExampleSecret_UnmarshalText() {
	var host iomeeting.Host
	err := json.Unmarshal([]byte(`{"Email": "alice@example.com", "Password": "correct horse"}`), &host)
	fmt.Println(host == alice, err)
	err = json.Unmarshal([]byte(`{"Email": "alice@example.com", "Password": "REDACTED"}`), &host)
	fmt.Println(err)
	// Output:
	// true <nil>
	// iomeeting: invalid parameter: secret is REDACTED, which is printed instead of a secret
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

// A Secret can be a field of your own request, encoded by go-querystring.
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
	// "" iomeeting: invalid parameter: text contains a %, which the encoding replaces with _
}

// advice says what to do about an error.
func advice(err error) string {
	switch {
	case err == nil:
		return "nothing"
	case errors.Is(err, iomeeting.ErrOutcomeUnknown):
		return "call ScheduleIfAvailable"
	case errors.Is(err, iomeeting.ErrInMeeting):
		return "join the meeting, or wait until it ends"
	case iomeeting.Retryable(err):
		return "try again later"
	default:
		return "correct what it says: " + err.Error()
	}
}

func ExampleRetryable() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client, ctx := service.Client(iomeeting.WithRetries(0)), context.Background()

	service.FailNext(iomeetingtest.HTTPStatus(http.StatusServiceUnavailable))
	_, err := client.Query(ctx, alice)
	fmt.Println(advice(err))
	_, err = client.Query(ctx, bob)
	fmt.Println(advice(err))
	service.FailNext(iomeetingtest.Drop())
	_, err = client.Schedule(ctx, alice, nil)
	fmt.Println(advice(err))
	// Output:
	// try again later
	// correct what it says: iomeeting: query: host not found
	// call ScheduleIfAvailable
}

// If the host is in a meeting, the error has its ID, so that you can join it.
func ExampleStatusError() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()
	link, err := client.Start(alice, nil)
	if err != nil {
		log.Fatal(err)
	}
	visit(link)

	_, err = client.ScheduleIfAvailable(context.Background(), alice, nil)
	var refusal *iomeeting.StatusError
	if errors.As(err, &refusal) && refusal.Status == iomeeting.StatusInMeeting {
		link, err := client.JoinByID(refusal.MeetingID, &iomeeting.JoinOptions{UserName: "Joe Smith"})
		if err != nil {
			log.Fatal(err)
		}
		visit(link)
		fmt.Println("joined", refusal.MeetingID)
	}
	// Output:
	// joined 000001
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
	// the field observerPass cannot be sent together with meetingPass
}

func ExampleResponseError() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	service.FailNext(iomeetingtest.RawAnswer("<h1>Back at noon</h1>"))

	_, err := service.Client().Query(context.Background(), alice)
	var response *iomeeting.ResponseError
	if errors.As(err, &response) {
		fmt.Printf("HTTP status %d, but the response %s\n", response.StatusCode, response.Reason)
		fmt.Println(response.Body.Reveal()) // do not log it: it may repeat the request
	}
	// Output:
	// HTTP status 200, but the response does not start with a status of the spec
	// <h1>Back at noon</h1>
}

// A test of your code can run against an in-process IOMeeting server.
func Example_testingWithServer() {
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	link, err := startMeeting(context.Background(), client, alice)
	if err != nil {
		log.Fatal(err)
	}
	visit(link) // http.PostForm(link.Endpoint(), link.Params())
	if err := service.EndMeeting("000001"); err != nil {
		log.Fatal(err)
	}

	service.FailNext(iomeetingtest.Pass(), iomeetingtest.Drop()) // answers Query, but not Schedule
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

// Where a test cannot listen on a port, a mock can respond instead of the network.
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
	fmt.Println(state.InMeeting, state.MeetingID, err)
	// Output:
	// true 000042 <nil>
}

// httpmock.Activate replaces http.DefaultTransport. Call it before NewClient.
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

// For traces and metrics, use a RoundTripper such as OpenTelemetry's
// otelhttp.NewTransport(http.DefaultTransport). It must send each request once: one
// that retries would send a Schedule twice, and the second one ends the meeting that
// the host has started in the meantime.
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

// traced is a RoundTripper that prints each request, and sends it once.
type traced struct{ next http.RoundTripper }

func (t traced) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err == nil {
		fmt.Println(req.Method, req.URL.Path, res.Status)
	}
	return res, err
}

// startPage shows a host who has signed in a page with a button that starts a
// meeting. Opening the page starts nothing, so a program that previews links does no
// harm.
func startPage(client *iomeeting.Client, host iomeeting.Host) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		link, err := client.Start(host, &iomeeting.StartOptions{Title: r.FormValue("title")})
		if err != nil {
			http.Error(w, "The meeting cannot be started.", http.StatusBadRequest)
			return
		}
		iomeeting.ProtectPage(w.Header()) // the form contains the host's password
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><title>Start a meeting</title>\n%s", link.Form("Start"))
	}
}

func ExampleProtectPage() {
	w := httptest.NewRecorder()
	startPage(newExampleClient(), alice)(w, httptest.NewRequest(http.MethodGet, "/start?title=Marketing", nil))
	fmt.Println(w.Code, w.Header().Get("Cache-Control"), w.Header().Get("X-Frame-Options"))
	fmt.Println(strings.Contains(w.Body.String(), `<input type="hidden" name="title" value="Marketing">`))
	// Output:
	// 200 no-store DENY
	// true
}

// openOnce starts a meeting when its page /start is POSTed: it redirects the browser
// to an address that opens the meeting once. Other sites cannot POST to it, and a
// program that previews links does not POST.
func openOnce(client *iomeeting.Client, host iomeeting.Host) http.Handler {
	var links sync.Map // by token; a real server lets them expire
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		link, err := client.Start(host, &iomeeting.StartOptions{Title: r.FormValue("title")})
		if err != nil {
			http.Error(w, "The meeting cannot be started.", http.StatusBadRequest)
			return
		}
		token := rand.Text()
		links.Store(token, link)
		http.Redirect(w, r, "/open/"+token, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /open/{token}", func(w http.ResponseWriter, r *http.Request) {
		link, ok := links.LoadAndDelete(r.PathValue("token"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		link.(iomeeting.Link).ServePage(w, r, "")
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

func ExampleLink_ServePage() {
	h := openOnce(newExampleClient(), alice)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/start", nil))
	fmt.Println(w.Code)
	for range 2 {
		page := httptest.NewRecorder()
		h.ServeHTTP(page, httptest.NewRequest(http.MethodGet, w.Header().Get("Location"), nil))
		fmt.Println(page.Code, strings.Contains(page.Body.String(), alice.Password.Reveal()))
	}
	// Output:
	// 303
	// 200 true
	// 404 false
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

// writeShortcuts writes a shortcut for each desktop into dir.
func writeShortcuts(dir string, link iomeeting.Link, name string) error {
	for _, s := range []iomeeting.Shortcut{iomeeting.WindowsShortcut, iomeeting.MacShortcut, iomeeting.LinuxShortcut} {
		// O_EXCL, because an existing file may be readable by others.
		file, err := os.OpenFile(filepath.Join(dir, s.FileName(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
	file, err := os.ReadFile(filepath.Join(dir, "Tea at four.desktop"))
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

func ExampleShortcut_FileName() {
	fmt.Println(iomeeting.WindowsShortcut.FileName("Tea: at 4/5"))
	fmt.Println(iomeeting.LinuxShortcut.FileName(""))
	// Output:
	// Tea_ at 4_5.url
	// meeting.desktop
}

func ExampleShortcut_ContentType() {
	fmt.Println(iomeeting.WindowsShortcut.ContentType())
	// Output:
	// application/x-mswinurl
}

// A handler offers a shortcut as a download, for the desktop that the visitor has
// chosen.
func ExampleLink_ServeShortcut() {
	link, err := newExampleClient().Join("alice@example.com", &iomeeting.JoinOptions{UserName: "Joe Smith"})
	if err != nil {
		log.Fatal(err)
	}
	formats := map[string]iomeeting.Shortcut{
		"windows": iomeeting.WindowsShortcut, "mac": iomeeting.MacShortcut, "linux": iomeeting.LinuxShortcut,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shortcut/{desktop}", func(w http.ResponseWriter, r *http.Request) {
		format, ok := formats[r.PathValue("desktop")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		link.ServeShortcut(w, r, format, "Tea at four")
	})

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/shortcut/linux", nil))
	fmt.Println(w.Header().Get("Content-Disposition"))
	fmt.Print(w.Body)
	// Output:
	// attachment; filename="Tea at four.desktop"
	// [Desktop Entry]
	// Version=1.0
	// Type=Link
	// Name=Tea at four
	// URL=https://abc.iomeeting.cn/jm.do?hostEmail=alice%40example.com&userName=Joe+Smith
}

// endKey is at least 32 random bytes, from where your server keeps its keys: for
// example iomeeting.NewSecret(os.Getenv("END_KEY")).
var endKey = iomeeting.NewSecret("32 bytes, used for nothing else.")

func ExampleEndSigner_Handler() {
	signer, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/meeting-ended", signer.Handler(func(_ context.Context, operatorID string) error {
		fmt.Println("ended:", operatorID) // may be called twice for one meeting
		return nil
	}))
	website := httptest.NewServer(mux)
	defer website.Close()
	service := iomeetingtest.NewServer(alice)
	defer service.Close()
	client := service.Client()

	meeting, err := client.Schedule(context.Background(), alice, &iomeeting.ScheduleOptions{
		EndURL:     website.URL + "/meeting-ended",
		OperatorID: signer.Sign("booking-7"),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := service.EndMeeting(meeting.MeetingID); err != nil {
		log.Fatal(err)
	}

	// A test can also send what the service POSTs.
	res, err := http.PostForm(website.URL+"/meeting-ended", url.Values{"operatorId": {signer.Sign("booking-8")}})
	if err != nil {
		log.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	res, err = http.PostForm(website.URL+"/meeting-ended", url.Values{"operatorId": {"booking-9"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("forged:", res.StatusCode)
	if err := res.Body.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ended: booking-7
	// ended: booking-8
	// forged: 403
}

// From now on, the new key signs. Keep the old one until the last meeting that was
// scheduled with it has ended.
func ExampleNewEndSigner_changeOfKey() {
	before, err := iomeeting.NewEndSigner(endKey)
	if err != nil {
		log.Fatal(err)
	}
	signed := before.Sign("booking-7")

	newKey := iomeeting.NewSecret("another key of 32 bytes or more.")
	after, err := iomeeting.NewEndSigner(newKey, endKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(after.Verify(signed))
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
		fmt.Println("ended, if the sender is right:", operatorID)
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
	// ended, if the sender is right: booking-7
}

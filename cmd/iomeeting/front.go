package main

import (
	"cmp"
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/iomeeting/iomeeting-go/iomeetingtest"
)

// front stands in front of the fake. It logs each request, and serves /end and /fault.
type front struct {
	server *iomeetingtest.Server
	next   http.Handler
	log    *log.Logger
	mux    *http.ServeMux // the paths that the API does not have
}

func newFront(server *iomeetingtest.Server, next http.Handler, log *log.Logger) *front {
	f := &front{server, next, log, http.NewServeMux()}
	f.mux.HandleFunc("POST /end", f.end)
	f.mux.HandleFunc("POST /fault", f.fault)
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response := httptest.NewRecorder()
	defer f.server.ClearRequests() // nobody looks at them here
	defer func() {
		if dropped := recover(); dropped != nil {
			f.logRequest(r, "dropped")
			panic(dropped)
		}
	}()
	switch r.URL.Path {
	case "/end", "/fault":
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		f.mux.ServeHTTP(response, r)
	default:
		f.next.ServeHTTP(response, r)
	}
	f.logRequest(r, strconv.Itoa(response.Code)+" "+textOf(r, response))
	maps.Copy(w.Header(), response.Header())
	w.WriteHeader(response.Code)
	_, _ = response.Body.WriteTo(w) // the client may have disconnected
}

// logRequest logs what a request is about, and its result. The server has parsed the
// parameters; calls read only those in the body.
func (f *front) logRequest(r *http.Request, result string) {
	form := r.Form
	if strings.HasPrefix(r.URL.Path, "/meetingControl/") {
		form = r.PostForm
	}
	subject := cmp.Or(form.Get("hostEmail"), form.Get("host"), "-")
	if id := form.Get("meetingID"); id != "" {
		subject = "meeting " + id
	}
	line := fmt.Sprintf("%-4s %-24s %-20s %s", r.Method, r.URL.EscapedPath(), printable(subject), result)
	f.log.Println(strings.TrimRight(line, " "))
}

// textOf returns the text of a response without the meeting's password, or "" if
// the response is a page.
func textOf(r *http.Request, response *httptest.ResponseRecorder) string {
	if !strings.HasPrefix(response.Header().Get("Content-Type"), "text/plain") {
		return ""
	}
	text, _, _ := strings.Cut(response.Body.String(), "\n")
	if fields := strings.SplitN(text, ",", 3); r.URL.Path == "/meetingControl/query" && len(fields) == 3 && fields[2] != "" {
		fields[2] = "REDACTED"
		text = strings.Join(fields, ",")
	}
	return printable(strings.TrimSpace(text))
}

// printable quotes a text with characters that would break the line.
func printable(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}

// end ends the meeting that the form names.
func (f *front) end(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("meetingID")
	meetings := f.server.Meetings()
	i := slices.IndexFunc(meetings, func(m iomeetingtest.Meeting) bool { return m.ID == id })
	if i < 0 {
		http.Error(w, fmt.Sprintf("there is no meeting %q", id), http.StatusNotFound)
		return
	}
	err := f.server.EndMeeting(id)
	switch text := fmt.Sprintf("meeting %s ended", id); {
	case err != nil && meetings[i].State == iomeetingtest.Ended:
		http.Error(w, fmt.Sprintf("meeting %s has already ended", id), http.StatusConflict)
	case err != nil: // not to the log, since an end URL may contain a secret
		http.Error(w, text+", but its end URL was not notified\n"+err.Error(), http.StatusBadGateway)
	case meetings[i].EndURL == "":
		reply(w, text+"; it has no end URL")
	default:
		reply(w, text+", and its end URL was notified")
	}
}

func reply(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, text)
}

// fault makes a call fail as the form says.
func (f *front) fault(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	fault, reason := parseFault(r.PostForm)
	if reason != "" {
		http.Error(w, reason, http.StatusBadRequest)
		return
	}
	f.server.FailNext(fault)
	reply(w, "the fault waits for a call")
}

// parseFault returns the fault of a form, or the reason why it is none.
func parseFault(form url.Values) (fault iomeetingtest.Fault, reason string) {
	// Each kind has one parameter or none.
	params := map[string]string{"status": "code", "answer": "body", "delay": "delay", "drop": "", "pass": ""}
	kind := form.Get("kind")
	param, ok := params[kind]
	if !ok {
		return fault, "kind is not status, answer, delay, drop or pass"
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if !slices.Contains([]string{"kind", "path", "host", param}, name) {
			return fault, fmt.Sprintf("%q is not a parameter of kind %s", name, kind)
		}
		if len(form[name]) > 1 || form.Get(name) == "" && name != "body" {
			return fault, name + " is empty or repeated"
		}
	}
	if param != "" && !form.Has(param) {
		return fault, param + " is missing"
	}
	switch kind {
	case "status":
		code, err := strconv.Atoi(form.Get("code"))
		if err != nil || code < 200 || code > 599 {
			return fault, "code is not an HTTP status from 200 to 599"
		}
		fault = iomeetingtest.HTTPStatus(code)
	case "answer":
		fault = iomeetingtest.RawAnswer(form.Get("body"))
	case "delay":
		d, err := time.ParseDuration(form.Get("delay"))
		if err != nil || d < 0 {
			return fault, "delay is not a duration such as 500ms or 5s"
		}
		fault = iomeetingtest.Delay(d)
	case "drop":
		fault = iomeetingtest.Drop()
	case "pass":
		fault = iomeetingtest.Pass()
	}
	if path := form.Get("path"); path != "" {
		if path != "/meetingControl/query" && path != "/meetingControl/schedule" {
			return fault, "path is not /meetingControl/query or /meetingControl/schedule"
		}
		fault = fault.ForPath(path)
	}
	if host := form.Get("host"); host != "" {
		fault = fault.ForHost(host)
	}
	return fault, ""
}

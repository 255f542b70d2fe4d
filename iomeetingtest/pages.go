package iomeetingtest

import (
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"

	"github.com/iomeeting/iomeeting-go"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is what a person sees: the meeting they are in, or a refusal.
type page struct {
	Refusal string
	Name    string
	Role    string
	People  []string
	Meeting
}

// opener carries out what opening a page does.
type opener func(form url.Values) (meeting, person, *refusal)

// servePage returns a handler that opens a page with the parameters of a request,
// in its URL or in its body.
func servePage(open opener) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m, who, refused := open(r.Form)
		p, code := page{Name: who.name, Role: who.role, Meeting: m.Meeting}, http.StatusOK
		for _, other := range m.people {
			p.People = append(p.People, other.name+" ("+other.role+")")
		}
		if refused != nil {
			p, code = page{Refusal: refused.reason}, refused.code
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		// An error here means that the browser has disconnected.
		_ = pageTemplate.Execute(w, p)
	}
}

// openNew serves snm.do. Spec: section 1.
func (s *Server) openNew(form url.Values) (meeting, person, *refusal) {
	title, refused := textParam(form, "title")
	if refused != nil {
		return meeting{}, person{}, refused
	}
	m, refused := s.service.start(meeting{
		Meeting:          Meeting{Host: form.Get("hostEmail"), Title: title},
		password:         iomeeting.NewSecret(form.Get("meetingPass")),
		observerPassword: iomeeting.NewSecret(form.Get("observerPass")),
	}, iomeeting.NewSecret(form.Get("hostPass")))
	return m, person{m.Host, "host"}, refused
}

// openScheduled serves ssm.do. Spec: section 3.
func (s *Server) openScheduled(form url.Values) (meeting, person, *refusal) {
	m, refused := s.service.startByID(form.Get("meetingID"), iomeeting.NewSecret(form.Get("hostPass")))
	return m, person{m.Host, "host"}, refused
}

// openJoin serves jm.do. Spec: sections 2 and 4; some of their examples say
// username.
func (s *Server) openJoin(form url.Values) (meeting, person, *refusal) {
	name, refused := textParam(form, "userName", "username")
	if refused != nil {
		return meeting{}, person{}, refused
	}
	j := joining{
		hostEmail:        form.Get("hostEmail"),
		meetingID:        form.Get("meetingID"),
		meetingPassword:  iomeeting.NewSecret(form.Get("meetingPass")),
		observerPassword: iomeeting.NewSecret(form.Get("observerPass")),
		name:             cmp.Or(name, "Guest"),
	}
	if (j.hostEmail == "") == (j.meetingID == "") {
		return meeting{}, person{}, refuse(http.StatusBadRequest, "The link must name either a host or a meeting.")
	}
	return s.service.join(j)
}

// textParam decodes the first of the named parameters that is present.
func textParam(form url.Values, names ...string) (string, *refusal) {
	for _, name := range names {
		if form.Has(name) {
			text, err := iomeeting.DecodeText(form.Get(name))
			if err != nil {
				return "", refuse(http.StatusBadRequest, "The parameter %s is not encoded correctly.", name)
			}
			return text, nil
		}
	}
	return "", nil
}

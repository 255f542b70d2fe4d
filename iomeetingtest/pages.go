package iomeetingtest

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/iomeeting/iomeeting-go"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is what a person sees: the meeting that it is in, or a refusal.
type page struct {
	Refusal string
	Name    string
	Role    string
	ID      string
	Title   string
	Host    string
	People  []string
}

// opener does what a page is opened for.
type opener func(form url.Values) (meeting, person, error)

// servePage returns a handler that opens a page for the parameters of a
// request, be they in its URL or in its body.
func servePage(open opener) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, code := page{}, http.StatusOK
		m, who, err := open(r.Form)
		if err != nil {
			p.Refusal, code = err.Error(), http.StatusBadRequest
			var refused *refusal
			if errors.As(err, &refused) {
				code = refused.code
			}
		} else {
			p = page{Name: who.name, Role: who.role, ID: m.id, Title: m.title, Host: m.host}
			for _, other := range m.people {
				p.People = append(p.People, other.name+" ("+other.role+")")
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		// An error here means that the browser is gone.
		_ = pageTemplate.Execute(w, p)
	}
}

// openNew is snm.do. Spec: section 1.
func (s *Server) openNew(form url.Values) (meeting, person, error) {
	title, err := textParam(form, "title")
	if err != nil {
		return meeting{}, person{}, err
	}
	m, err := s.service.start(meeting{
		host:             form.Get("hostEmail"),
		title:            title,
		password:         iomeeting.NewSecret(form.Get("meetingPass")),
		observerPassword: iomeeting.NewSecret(form.Get("observerPass")),
	}, iomeeting.NewSecret(form.Get("hostPass")))
	return m, person{m.host, "host"}, err
}

// openScheduled is ssm.do. Spec: section 3.
func (s *Server) openScheduled(form url.Values) (meeting, person, error) {
	m, err := s.service.startByID(form.Get("meetingID"), iomeeting.NewSecret(form.Get("hostPass")))
	return m, person{m.host, "host"}, err
}

// openJoin is jm.do. Spec: sections 2 and 4; some of their examples write
// username.
func (s *Server) openJoin(form url.Values) (meeting, person, error) {
	name, err := textParam(form, "userName", "username")
	if err != nil {
		return meeting{}, person{}, err
	}
	if name == "" {
		name = "Guest"
	}
	j := joining{
		hostEmail:        form.Get("hostEmail"),
		meetingID:        form.Get("meetingID"),
		meetingPassword:  iomeeting.NewSecret(form.Get("meetingPass")),
		observerPassword: iomeeting.NewSecret(form.Get("observerPass")),
		name:             name,
	}
	if (j.hostEmail == "") == (j.meetingID == "") {
		return meeting{}, person{}, refuse(http.StatusBadRequest, "The link must name a host or a meeting, and not both.")
	}
	return s.service.join(j)
}

// textParam decodes the first of the named parameters that is there.
func textParam(form url.Values, names ...string) (string, error) {
	for _, name := range names {
		if form.Has(name) {
			text, err := iomeeting.DecodeText(form.Get(name))
			if err != nil {
				return "", refuse(http.StatusBadRequest, "The parameter %s is garbled.", name)
			}
			return text, nil
		}
	}
	return "", nil
}

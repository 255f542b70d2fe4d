package iomeetingtest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/iomeeting/iomeeting-go"
)

// Open does what a browser does with the link, which must be to this server: it POSTs
// the link's form. If the service refuses it, the error has the HTTP status and the
// reason.
func (s *Server) Open(link iomeeting.Link) error {
	if link == (iomeeting.Link{}) {
		return errors.New("iomeetingtest: the link is empty")
	}
	return s.post(link.Endpoint(), link.Params())
}

// Submit does what a browser does with a page of [iomeeting.Link.ServePage], with one
// that contains an [iomeeting.Link.Form], or with an [iomeeting.HTMLShortcut]: like
// [Server.Open], it POSTs the form. Use it in tests of handlers, which have a response
// and no Link. Other forms are ignored; a page with several of a Link is an error.
func (s *Server) Submit(page io.Reader) error {
	text, err := io.ReadAll(page)
	if err != nil {
		return fmt.Errorf("iomeetingtest: %w", err)
	}
	var action string
	var params url.Values
	count := 0
	for _, form := range regexp.MustCompile(`(?s)<form .*?</form>`).FindAllString(string(text), -1) {
		to, values, err := parseForm(form)
		if page := path.Base(to); err == nil && (page == "snm.do" || page == "ssm.do" || page == "jm.do") {
			action, params, count = to, values, count+1
		}
	}
	if count != 1 {
		return fmt.Errorf("iomeetingtest: the page has %d forms of links, not 1", count)
	}
	return s.post(action, params)
}

// parseForm returns the action and the fields of a form.
func parseForm(form string) (action string, params url.Values, err error) {
	params = make(url.Values)
	d := xml.NewDecoder(strings.NewReader(form))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if err == io.EOF {
			return action, params, nil
		}
		if err != nil {
			return "", nil, err
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attrs := make(map[string]string)
		for _, attr := range element.Attr {
			attrs[attr.Name.Local] = attr.Value
		}
		switch element.Name.Local {
		case "form":
			action = attrs["action"]
		case "input":
			params.Add(attrs["name"], attrs["value"])
		}
	}
}

var refusalText = regexp.MustCompile(`<p id="refusal">(.*?)</p>`)

// post sends a form, and returns the refusal in the response as an error.
func (s *Server) post(action string, params url.Values) error {
	if !strings.HasPrefix(action, s.URL+"/") { // such as a site where it would start a meeting
		return fmt.Errorf("iomeetingtest: the link is to %s, not to this server at %s", action, s.URL)
	}
	req, err := http.NewRequestWithContext(s.closing, http.MethodPost, action, strings.NewReader(params.Encode()))
	if err != nil {
		return fmt.Errorf("iomeetingtest: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := http.Client{Transport: s.callbacks.Transport}
	res, err := browser.Do(req)
	if err != nil {
		return fmt.Errorf("iomeetingtest: %w", err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	switch refusal := refusalText.FindSubmatch(page); {
	case err != nil:
		return fmt.Errorf("iomeetingtest: %w", err)
	case refusal != nil:
		return fmt.Errorf("iomeetingtest: %s: %s", res.Status, html.UnescapeString(string(refusal[1])))
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("iomeetingtest: %s", res.Status)
	}
	return nil
}

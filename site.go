package iomeeting

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseSite checks the address of a site, and returns it without a trailing slash,
// so that the path of an endpoint can be appended.
func parseSite(site string, insecureHTTP bool) (string, error) {
	u, reason := splitSite(site)
	if reason == "" && u.Scheme != "https" && !insecureHTTP && !isLoopback(u.Hostname()) {
		reason = "must start with https://, because http sends passwords in plain text; WithInsecureHTTP allows it"
	}
	if reason != "" {
		return "", &ParameterError{"site", reason}
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// splitSite parses the address of a site, or returns what is wrong with it.
func splitSite(site string) (u *url.URL, reason string) {
	if hasForbidden(site) {
		return nil, forbiddenReason
	}
	u, err := url.Parse(site)
	switch {
	case err != nil:
		return nil, "is not a URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must start with https://"
	case u.User != nil:
		return nil, "must not contain a user name or password"
	case strings.ContainsRune(site, '?'):
		return nil, "must not contain a query"
	case strings.ContainsRune(site, '#'):
		return nil, "must not contain a fragment"
	case !isASCII(u.Hostname()):
		return nil, punycodeReason
	case !isHostname(u.Hostname()):
		return nil, "has no valid host name"
	case !isPort(u):
		return nil, "has a port outside the range 1 to 65535"
	case strings.ContainsFunc(u.Path, isForbiddenInPath):
		return nil, "contains a backslash or a control character in its path"
	case slices.ContainsFunc(strings.Split(u.Path, "/"), isDotSegment):
		return nil, "must not contain . or .. in its path"
	}
	return u, ""
}

// checkEndURL checks the URL that the service is to notify. A wrong one would show
// only at the end of the meeting, when nobody gets the error.
func checkEndURL(endURL string) error {
	if reason := faultOfEndURL(endURL); endURL != "" && reason != "" {
		return &ParameterError{"meetingEndUrl", reason}
	}
	return nil
}

func faultOfEndURL(endURL string) (reason string) {
	if hasForbidden(endURL) {
		return forbiddenReason
	}
	u, err := url.Parse(endURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !isPort(u):
		return "is not an absolute http or https URL"
	case !isASCII(u.Hostname()):
		return punycodeReason
	case !isHostname(u.Hostname()):
		return "has no valid host name"
	}
	return ""
}

const (
	forbiddenReason = "contains a space, a backslash, a control character or invalid UTF-8"
	punycodeReason  = "has a host name that is not ASCII; use its Punycode form, such as xn--bcher-kva.example"
)

// hasForbidden reports whether a URL contains what programs interpret differently.
func hasForbidden(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// isForbiddenInPath finds characters that were escaped in a path.
func isForbiddenInPath(r rune) bool { return r == '\\' || unicode.IsControl(r) }

// isDotSegment reports whether s is . or .., with or without the path parameters
// that servlet containers remove.
func isDotSegment(s string) bool {
	s, _, _ = strings.Cut(s, ";")
	return s == "." || s == ".."
}

// isHostname reports whether host, which is ASCII, could be an IP address or a
// domain name.
func isHostname(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == ""
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	return !slices.Contains(labels, "") && !strings.ContainsFunc(host, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// isPort reports whether u has a valid port, or none.
func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && 1 <= port && port <= 65535
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.ToLower(host) == "localhost" || err == nil && ip.IsLoopback()
}

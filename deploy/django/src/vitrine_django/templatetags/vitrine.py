"""`{% load vitrine %}`: names a page from its templates.

`{% vitrine_tag product category "hot-list" %}` says that the page shows these. It renders nothing, and needs the request in the
context (the context processor `django.template.context_processors.request`).
"""

from typing import Any

from django import template

from ..tagging import tag

register = template.Library()


@register.simple_tag(takes_context=True)
def vitrine_tag(context: template.Context, *things: Any) -> str:
    """Names the page.

    Raises `TemplateSyntaxError` where the template has no request: a page that nobody can name would never be purged.
    """
    request = context.get("request")
    if request is None:
        raise template.TemplateSyntaxError(
            "{% vitrine_tag %} needs the request: add django.template.context_processors.request, and render with it"
        )
    # A variable that is not there renders as nothing in a template, and names nothing here.
    tag(request, *(thing for thing in things if thing not in ("", None)))
    return ""

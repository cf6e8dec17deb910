from __future__ import annotations

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("auth/token/", views.TokenView.as_view(), name="token"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/password/", views.PasswordView.as_view(), name="password"),
    path("users/", views.UsersView.as_view(), name="users"),
    path("users/<uuid:user_id>/", views.UserView.as_view(), name="user"),
    path("users/<uuid:user_id>/password/", views.UserPasswordView.as_view(), name="user-password"),
    path("teams/", views.TeamsView.as_view(), name="teams"),
    path("teams/<uuid:team_id>/members/", views.MembersView.as_view(), name="members"),
    path("teams/<uuid:team_id>/members/<uuid:user_id>/", views.MemberView.as_view(), name="member"),
]
